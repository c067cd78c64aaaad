"""Fetch the data sets of the course, as `python -m fedlab.data` does: `python data/fetch.py`."""

from fedlab.data.__main__ import main

if __name__ == "__main__":
    main()
