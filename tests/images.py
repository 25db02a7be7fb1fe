"""Images that the simulated AWS has by itself."""

from __future__ import annotations

from moto.backends import get_backend

ACCOUNT = "123456789012"


def amazon_image(region: str) -> str:
    """The id of one of them. To list them all, as one request does, takes seconds."""
    image: str = get_backend("ec2")[ACCOUNT][region].describe_images(owners=["amazon"])[0].id
    return image
