"""The laboratory: a whole switch, virtual phones and a wire that can be as bad as one likes, in virtual time."""

from .lab import Lab
from .phone import Phone
from .provider import Provider

__all__ = ["Lab", "Phone", "Provider"]
