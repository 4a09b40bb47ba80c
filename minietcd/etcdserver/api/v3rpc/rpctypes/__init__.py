"""What server and client agree on besides messages: texts and codes of errors, names of metadata.

Read ``error``: its table is the whole vocabulary in which a server refuses.
"""
