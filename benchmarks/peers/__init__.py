"""The peers' compression kernels, run by their own python: `python -E -m peers` in benchmarks/.

No module here imports this repository's fedlab: where these run, that name is SMILELab's.
"""
