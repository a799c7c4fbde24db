"""The operators' language: who is reached where and when."""
