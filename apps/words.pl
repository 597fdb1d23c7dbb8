#!/usr/bin/perl
# A Perl program of the usual kind: writes text, splits it into words, counts them in hashes of
# hashes, sorts and joins. Usage: words.pl ROUNDS LINES. Prints one line for each round of
# so many lines. Run it with PERL_HASH_SEED=0, so that every run does the same.
use strict;
use warnings;

my $state = 12345;

sub draw {
    my ($below) = @_;
    $state = ( $state * 1103515245 + 12345 ) & 0x7fffffff;
    return ( $state >> 8 ) % $below;
}

sub text {
    my ($lines) = @_;
    my @lines;
    for ( 1 .. $lines ) {
        push @lines, join ' ', map { 'w' . ( draw(40) * draw(500) ) . 'x' x draw(12) } 1 .. 2 + draw(14);
    }
    return join "\n", @lines;
}

# Which word follows which, and on which lines a word stands.
sub index_of {
    my ($text) = @_;
    my ( %follows, %lines );
    my $number = 0;
    for my $line ( split /\n/, $text ) {
        my $before = '';
        $number++;
        for my $word ( split / /, $line ) {
            $follows{$before}{$word}++;
            push @{ $lines{$word} }, $number;
            $before = $word;
        }
    }
    return ( \%follows, \%lines );
}

for my $round ( 1 .. $ARGV[0] ) {
    my ( $follows, $lines ) = index_of( text( $ARGV[1] ) );
    my @common = sort { @{ $lines->{$b} } <=> @{ $lines->{$a} } || $a cmp $b } keys %$lines;
    my $pairs  = 0;
    $pairs += keys %{ $follows->{$_} } for keys %$follows;
    my $listing = join ',', map { $_ . ':' . join '.', @{ $lines->{$_} } } @common;
    printf "%d %d words %d pairs %d bytes, most common %s\n", $round, scalar @common, $pairs,
      length $listing, join ' ', @common[ 0 .. 4 ];
}
