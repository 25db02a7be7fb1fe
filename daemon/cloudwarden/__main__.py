"""`python -m cloudwarden` is `cloudwarden`."""

from cloudwarden.cli import main

if __name__ == "__main__":
    main()
