"""Certificates for the private servers: authorities of their own, and what they sign, for better and worse."""

# What a server can be told to show: for localhost and 127.0.0.1; for another host; for yesterday; by other-ca.crt.
OF_SERVER = ("server", "wrong-name", "expired", "foreign")
# Whom the client's certificate names.
CLIENT = "app_cert"

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
[wrong-name]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:elsewhere.test
[client]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = clientAuth
"""


def make_certificates(server):
    """Makes ca.crt and other-ca.crt, those OF_SERVER with one server.key, and client.crt with client.key."""
    folder = server.folder
    settings = folder / "certificates.cnf"
    settings.write_text(SETTINGS)

    def signer(authority):
        return "-CA", folder / f"{authority}.crt", "-CAkey", folder / f"{authority}.key"

    def make(name, kind, subject, *how):
        server.call("openssl", "req", "-x509", "-config", settings, "-extensions", kind, "-subj", f"/CN={subject}",
                    "-days", "30", "-nodes", "-out", folder / f"{name}.crt", *how)

    def new_key(name):
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout", folder / f"{name}.key"

    for authority in ("ca", "other-ca"):
        make(authority, "authority", f"trunkline test {authority}", *new_key(authority))
    make("server", "server", "localhost", *new_key("server"), *signer("ca"))
    make("wrong-name", "wrong-name", "elsewhere.test", "-key", folder / "server.key", *signer("ca"))
    make("client", "client", CLIENT, *new_key("client"), *signer("ca"))
    make("foreign", "server", "localhost", "-key", folder / "server.key", *signer("other-ca"))
    # `openssl req` makes none that is over already; `openssl x509` does, of one that signed itself.
    make("own", "server", "localhost", "-key", folder / "server.key")
    server.call("openssl", "x509", "-in", folder / "own.crt", *signer("ca"), "-days", -1, "-out",
                folder / "expired.crt")
