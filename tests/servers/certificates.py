"""Certificates for the private servers: an authority of their own, and what it signs."""

SETTINGS = """
[req]
distinguished_name = name
prompt = no
[name]
CN = localhost
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost, IP:127.0.0.1
"""


def make_certificates(server):
    """Makes ca.crt and, signed by it for localhost and 127.0.0.1, server.crt with server.key, as the server's user."""
    folder = server.folder
    (folder / "certificates.cnf").write_text(SETTINGS)
    request = ("openssl", "req", "-x509", "-config", folder / "certificates.cnf", "-days", "30", "-nodes",
               "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    authority = folder / "ca.crt", folder / "ca.key"
    server.call(*request, "-extensions", "authority", "-subj", "/CN=trunkline test authority", "-out", authority[0],
                "-keyout", authority[1])
    server.call(*request, "-extensions", "server", "-CA", authority[0], "-CAkey", authority[1], "-out",
                folder / "server.crt", "-keyout", folder / "server.key")
