"""Measurements that anyone can repeat: `make bench` writes bench.json.

Every rate stands beside a reference measured in the same run, in interleaved pairs; what counts
is the median of the pairs' ratios, for machines are shared and noisy.
"""
