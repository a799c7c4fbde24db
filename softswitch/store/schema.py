"""The tables of the SQL engines. Every key begins with its site: two firms on one switch may both own 101.

A change here needs a migration beside it (`migrations/versions`); a test holds that both agree.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, MetaData, Table, Text, text

metadata = MetaData()

bindings = Table(
    "bindings",
    metadata,
    Column("site", Text, primary_key=True, nullable=False),
    Column("account", Text, primary_key=True, nullable=False),
    # Its place among the bindings of the account, from 0.
    Column("position", Integer, primary_key=True, nullable=False, autoincrement=False),
    Column("contact", Text, nullable=False),
    Column("params", Text, nullable=False),
    # Thousandths.
    Column("q", Integer, nullable=False),
    # Seconds since 1970 UTC, as all moments here.
    Column("expires_at", Float, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("cseq", Integer, nullable=False),
    Column("flow", Text, nullable=False),
    # A JSON list of header values; "" for none.
    Column("path", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("registered_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

calls = Table(
    "calls",
    metadata,
    Column("site", Text, primary_key=True, nullable=False),
    Column("started_at", Float, primary_key=True, nullable=False),
    Column("call_id", Text, primary_key=True, nullable=False),
    Column("caller", Text, nullable=False),
    Column("caller_account", Text, nullable=False),
    Column("called", Text, nullable=False),
    # 0 for not yet, or never.
    Column("answered_at", Float, nullable=False),
    Column("ended_at", Float, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("answered_by", Text, nullable=False),
    Column("hung_up_by", Text, nullable=False),
    # JSON lists of the fields of `LegRecord` and `StepRecord`.
    Column("legs", Text, nullable=False),
    Column("steps", Text, nullable=False),
    # "anna@acme.example", one a line, with line ends before, between and after; "" for nobody.
    Column("people", Text, nullable=False),
    # A JSON list of sentences.
    Column("remarks", Text, nullable=False, server_default="[]"),
    # A JSON list of the fields of `StreamQuality`.
    Column("quality", Text, nullable=False, server_default="[]"),
    # Call-ID and both tags, a line each; "" where they are not known.
    Column("dialog", Text, nullable=False, server_default=""),
    Index("calls_by_id", "call_id"),
    # A restart looks for what an earlier run left.
    Index("calls_unfinished", "ended_at", sqlite_where=text("ended_at = 0")),
    sqlite_with_rowid=False,
)

messages = Table(
    "messages",
    metadata,
    Column("site", Text, primary_key=True, nullable=False),
    Column("person", Text, primary_key=True, nullable=False),
    # The order of delivery; of the whole file.
    Column("number", Integer, primary_key=True, nullable=False, autoincrement=False),
    Column("sender", Text, nullable=False),
    # "carla@acme.example"; "" for a peer.
    Column("sender_person", Text, nullable=False),
    # Call-ID, From tag and CSeq, a line each.
    Column("mark", Text, nullable=False),
    Column("received_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    # 1 where every hop is to be TLS.
    Column("secure", Integer, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    # The phones that are done with it, one a line.
    Column("had", Text, nullable=False),
    # 0 as long as no phone took it.
    Column("delivered_at", Float, nullable=False),
    # As messaging/form keeps it.
    Column("content", LargeBinary, nullable=False),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("site", Text, primary_key=True, nullable=False),
    Column("call_id", Text, primary_key=True, nullable=False),
    Column("local_tag", Text, primary_key=True, nullable=False),
    Column("key", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("package", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("watcher_site", Text, nullable=False),
    Column("watcher", Text, nullable=False),
    # 0 or 1.
    Column("lists", Integer, nullable=False),
    Column("local", Text, nullable=False),
    Column("remote", Text, nullable=False),
    Column("remote_tag", Text, nullable=False),
    Column("target", Text, nullable=False),
    # A JSON list of header values.
    Column("routes", Text, nullable=False),
    Column("contact", Text, nullable=False),
    Column("flow", Text, nullable=False),
    Column("local_cseq", Integer, nullable=False),
    Column("remote_cseq", Integer, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("interval", Float, nullable=False),
    Column("longest", Float, nullable=False),
    Column("stored_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

publications = Table(
    "publications",
    metadata,
    Column("site", Text, primary_key=True, nullable=False),
    Column("person", Text, primary_key=True, nullable=False),
    Column("etag", Text, primary_key=True, nullable=False),
    Column("account", Text, nullable=False),
    # 0 or 1.
    Column("open", Integer, nullable=False),
    Column("activity", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("published_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    # "presence" or "dialog".
    Column("package", Text, nullable=False, server_default="presence"),
    # Of dialog: a JSON list; "" for none.
    Column("lamps", Text, nullable=False, server_default=""),
    sqlite_with_rowid=False,
)

presence_history = Table(
    "presence_history",
    metadata,
    Column("site", Text, primary_key=True, nullable=False),
    Column("person", Text, primary_key=True, nullable=False),
    Column("at", Float, primary_key=True, nullable=False),
    Column("availability", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("lands", Text, nullable=False),
    Column("cause", Text, nullable=False),
    sqlite_with_rowid=False,
)

overrides = Table(
    "overrides",
    metadata,
    Column("site", Text, primary_key=True, nullable=False),
    Column("person", Text, primary_key=True, nullable=False),
    Column("kind", Text, primary_key=True, nullable=False),
    Column("target", Text, nullable=False),
    # 0 for no end.
    Column("until", Float, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

override_changes = Table(
    "override_changes",
    metadata,
    Column("site", Text, primary_key=True, nullable=False),
    Column("person", Text, primary_key=True, nullable=False),
    Column("at", Float, primary_key=True, nullable=False),
    # 1 when it was set, 0 when it ended.
    Column("sets", Integer, primary_key=True, nullable=False),
    Column("kind", Text, primary_key=True, nullable=False),
    Column("target", Text, nullable=False),
    Column("until", Float, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", Float, nullable=False),
    Column("changed_by", Text, nullable=False),
    sqlite_with_rowid=False,
)

outside_calls = Table(
    "outside_calls",
    metadata,
    Column("site", Text, primary_key=True, nullable=False),
    Column("begun_at", Float, primary_key=True, nullable=False),
    Column("call_id", Text, primary_key=True, nullable=False),
    Column("trunk", Text, primary_key=True, nullable=False),
    # Of `outside` in the dialplan, counted from 1.
    Column("line", Integer, nullable=False),
    # Who pays.
    Column("person", Text, nullable=False),
    Column("country", Text, nullable=False),
    # 0 or 1.
    Column("abroad", Integer, nullable=False),
    # 0 for not yet, or never.
    Column("answered_at", Float, nullable=False),
    Column("ended_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

abroad_stops = Table(
    "abroad_stops",
    metadata,
    Column("site", Text, primary_key=True, nullable=False),
    Column("at", Float, nullable=False),
    # "" where calls abroad were released.
    Column("why", Text, nullable=False),
    sqlite_with_rowid=False,
)

emergency_calls = Table(
    "emergency_calls",
    metadata,
    Column("site", Text, primary_key=True, nullable=False),
    Column("at", Float, primary_key=True, nullable=False),
    Column("call_id", Text, primary_key=True, nullable=False),
    Column("account", Text, nullable=False),
    Column("number", Text, nullable=False),
    # Numbers, one a line.
    Column("shown", Text, nullable=False),
    Column("location", Text, nullable=False),
    # 0 for not yet.
    Column("ended_at", Float, nullable=False),
    Column("mailed_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

voicemails = Table(
    "voicemails",
    metadata,
    Column("site", Text, primary_key=True, nullable=False),
    Column("person", Text, primary_key=True, nullable=False),
    Column("id", Text, primary_key=True, nullable=False),
    Column("received_at", Float, nullable=False),
    Column("caller", Text, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("seconds", Float, nullable=False),
    # 0 for not yet.
    Column("heard_at", Float, nullable=False),
    # "" for nobody.
    Column("mail_to", Text, nullable=False),
    Column("mailed_at", Float, nullable=False),
    sqlite_with_rowid=False,
)
