"""Sound as numbers: G.711, WAV files, and what the switch can say."""
