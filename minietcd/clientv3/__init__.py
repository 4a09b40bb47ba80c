"""The client of the v3 API: calls that find a living member, and are retried only when that is safe.

A call goes ``KV.put`` → ``KV.do`` → ``RetryKVClient.put`` (which policy of retries the method allows) →
``KVClient.put`` (its name on the wire) → the retry loop → a connection picked in turn from those that stand.
A read may be repeated after any failure; a write only when it certainly never reached a server, because a
second put is a second revision.

``new(Config(endpoints=[...]))`` makes a client; read client.py first, then retry_interceptor.py.
"""
