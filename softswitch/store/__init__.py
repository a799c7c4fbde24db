"""What outlives the process: one contract, several engines."""
