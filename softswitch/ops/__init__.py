"""What a sysadmin sees: logs, status, systemd, limits per source."""
