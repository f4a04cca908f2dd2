"""What bench/python/train.py is made of: workloads, one module for each library, and processes that measure in turn."""
