#!/usr/bin/env python3
"""convert --sign-key and verify --public-key, with keys made by the openssl command."""
import json
import shutil
import subprocess

from command_case import CommandCase, main


class Signing(CommandCase):
    def key(self, name, algorithm="ed25519"):
        secret, public = self.folder / f"{name}.pem", self.folder / f"{name}.pub.pem"
        openssl = lambda *arguments: subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True).stdout
        openssl("genpkey", "-algorithm", algorithm, "-out", secret)
        openssl("pkey", "-in", secret, "-pubout", "-out", public)
        digits = openssl("pkey", "-in", secret, "-pubout", "-outform", "DER")[-32:].hex()
        return secret, public, digits

    def setUp(self):
        if shutil.which("openssl") is None:
            self.skipTest("no openssl command to make keys with")

    def test_signed_model(self):
        secret, public, digits = self.key("ours")
        _, other_public, other_digits = self.key("other")
        model = self.folder / "signed.rnl"
        self.assertEqual(self.run_command("convert", self.gguf, "-o", model, "--sign-key", secret).returncode, 0)
        for key in (public, digits):
            done = self.run_command("verify", model, "--public-key", key)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"signed by {digits}", done.stdout)
        self.assertEqual(json.loads(self.run_command("verify", model, "--json").stdout)["signer"], digits)
        self.assertIn(digits, self.run_command("inspect", model).stdout)
        for key in (other_public, other_digits):
            self.fails(f"is signed by {digits}, not by {other_digits}", "verify", model, "--public-key", key)
        self.fails("is signed by nobody", "verify", self.model, "--public-key", public)
        self.assertEqual(json.loads(self.run_command("verify", self.model, "--json").stdout)["signer"], "")
        damaged = bytearray(model.read_bytes())
        damaged[200] ^= 1  # within the signature
        import hashlib
        damaged[224:256] = hashlib.sha256(damaged[:224]).digest()
        (self.folder / "damaged.rnl").write_bytes(damaged)
        self.fails("signature", "run", self.folder / "damaged.rnl", "-p", "hi")

    def test_keys_that_do_not_sign(self):
        secret, public, _ = self.key("ours")
        other_kind, _, _ = self.key("x", "x25519")
        out = self.folder / "out.rnl"
        self.fails("no Ed25519 private key", "convert", self.gguf, "-o", out, "--sign-key", other_kind)
        self.fails("no Ed25519 private key", "convert", self.gguf, "-o", out, "--sign-key", public)
        self.fails("cannot open key", "convert", self.gguf, "-o", out, "--sign-key", self.folder / "absent.pem")
        self.fails("no Ed25519 public key", "verify", self.model, "--public-key", secret)
        self.fails("cannot open key", "verify", self.model, "--public-key", "abcdef")
        self.leaves_nothing("out.rnl")


if __name__ == "__main__":
    main()
