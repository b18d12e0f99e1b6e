package cert

import (
	"crypto"
	"crypto/elliptic"
	"testing"
	"time"
)

// FuzzFiles reads files with anything in them: what is accepted has a key that
// belongs to its certificate.
func FuzzFiles(f *testing.F) {
	s, err := NewSelfSigned(SelfSignedOptions{Names: []string{"ns1.example"}, Now: newClock().Now})
	if err != nil {
		f.Fatal(err)
	}
	certificate := PEM(s.Current())
	key := keyPEM(f, s.key)
	f.Add(certificate, key, []byte(nil))
	f.Add(append(certificate[:len(certificate):len(certificate)], certificate...), key, key)
	f.Add(key, certificate, certificate)
	f.Add(certificate, []byte("-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END EC PRIVATE KEY-----\n"), publicPEM(f, s.key.Public()))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"), []byte("-----BEGIN PRIVATE KEY-----"), []byte{0x30})
	f.Add(certificate, keyPEM(f, newKey(f, elliptic.P224())), []byte("-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n"))
	now := newClock()
	now.add(time.Hour)
	f.Fuzz(func(t *testing.T, certificate, key, next []byte) {
		p := &pair{content: [3][]byte{certificate, key, next}}
		options := FilesOptions{Certificate: "c", Key: "k", NextKey: "n", Now: now.Now}
		if err := p.parse(options); err != nil {
			if err.Error() == "" || p.certificate != nil {
				t.Fatalf("a certificate in spite of the error %q", err)
			}
			return
		}
		leaf, err := Leaf(p.certificate)
		if err != nil || !equalKeys(p.certificate.PrivateKey.(crypto.Signer).Public(), leaf.PublicKey) {
			t.Fatalf("accepted, but: %v", err)
		}
		if p.next == nil {
			t.Fatal("accepted without the next key")
		}
	})
}
