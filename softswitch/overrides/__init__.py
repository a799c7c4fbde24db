"""What people have set for their calls: kept, changed, ended, and who did it when."""
