"""The softswitch command."""
