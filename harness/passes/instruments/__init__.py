"""What passes measure with: the hooks around one process, the sampler, the reader of strace logs."""
