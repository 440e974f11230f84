"""Many answers: a file in, a folder of scores out (docs/batch.md). Each answer takes the same six steps as a single one."""
