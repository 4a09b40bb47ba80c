"""Names of gRPC metadata, and the one value that counts.

Go: etcdserver/api/v3rpc/rpctypes/md.go
"""

from typing import Final

MetadataRequireLeaderKey: Final = "hasleader"
MetadataHasLeader: Final = "true"
MetadataClientAPIVersionKey: Final = "client-api-version"
TokenFieldNameGRPC: Final = "token"
TokenFieldNameSwagger: Final = "authorization"
