"""Who is there: what each person's presence is made of, who watches it, and how they are told."""
