"""`python -m cgdenoise` is `cgdenoise`."""

from cgdenoise.cli.app import main

if __name__ == "__main__":
    main()
