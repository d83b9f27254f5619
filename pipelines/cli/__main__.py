"""`python -m pipelines.cli`: the command `ann` of this interpreter."""

from pipelines.cli.main import main

if __name__ == "__main__":
    main()
