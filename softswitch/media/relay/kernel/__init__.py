"""Kernel forwarding: nftables moves the packets of streams whose parties are known, past every process."""
