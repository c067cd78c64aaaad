"""`python -m fedlab`: the command line, where the folder of pip's programs is not on the PATH."""

from fedlab.cli import main

if __name__ == "__main__":
    main()
