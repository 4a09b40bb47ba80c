"""What server and client agree on besides messages: texts and codes of errors, names of metadata.

An error crosses the wire as a gRPC status, a code and a text. Several errors share a code, so it is the text
that tells them apart: ``error.py`` has each with both, and the client finds the error again by its text
alone. Server and client use this one table; it is all that the client takes from below ``etcdserver``.

``md.py`` names the metadata that travels with a call: the token, and the demand for a leader.

Go: etcdserver/api/v3rpc/rpctypes/doc.go
"""
