"""`python -m cloudwarden` is `cloudwarden`."""

from cloudwarden.cli import main

main()
