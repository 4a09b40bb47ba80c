"""Which etcd this is: what it says of itself to clients and to its peers."""
