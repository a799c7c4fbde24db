"""Call records: what became of each call, kept for as long as the settings say."""
