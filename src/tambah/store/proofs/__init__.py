"""What `verify` asks the database: each invariant of the books as one set-based query.

A query returns only what disagrees, at most `MOST_NAMED` rows of each problem with the whole
number of them, so that ten million transfers are proved in the database and not in memory. All
but `vouchers` and `sales` need no more than one owner's rows: on a sharded database each shard
proves its own.
"""
