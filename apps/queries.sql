-- A database in memory: orders and customers made by recursive queries, indices, joins, groups, updates and deletes.
-- sqlite3 :memory: 'create table size as select 600000 as rows' '.read apps/queries.sql'. No random(): always the same.
create table customer (id integer primary key, name text, region text);
create table purchase (id integer primary key, customer integer, item text, cents integer, note text);

with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
insert into customer
select i, 'customer ' || (i * 7919 % 20011), char(65 + i % 26) || (i % 7) from n;

with recursive n(i) as (select 1 union all select i + 1 from n where i < (select rows from size))
insert into purchase
select i, 1 + i * 7907 % 20000, 'item ' || (i * 104729 % 997), 1 + i * 31 % 9973, substr('a note that is longer for some', 1, i % 30)
from n;

create index purchase_customer on purchase (customer, cents);
create index purchase_item on purchase (item);

select count(*), sum(cents), max(length(note)) from purchase;
select region, count(*), sum(cents) from purchase join customer on customer.id = purchase.customer
group by region order by 3 desc, 1 limit 10;
select item, group_concat(cents, ',') from (select item, cents from purchase where customer < 40 order by item, id)
group by item order by item limit 5;
update purchase set note = note || ' / ' || item where id % 3 = 0;
delete from purchase where id % 5 = 0;
select name, total, rank() over (order by total desc, name) as place from
(select name, sum(cents) as total from purchase join customer on customer.id = purchase.customer group by name)
order by place limit 10;
select count(distinct note), sum(length(note)) from purchase;
