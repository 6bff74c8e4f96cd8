"""`python -m deadreckon`: the command line."""


def main() -> None:
    """Run one verb of the front door."""
    from deadreckon.cli.app import app

    app()


if __name__ == "__main__":
    main()
