"""Calls with programs that others wrote: sipp, baresip, linphone, pjsua2, aiosip and kamailio."""
