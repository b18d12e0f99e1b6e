package exchange

import "testing"

func TestCacheControl(t *testing.T) {
	for age, want := range map[int64]string{
		0:           "max-age=0",
		3600:        "max-age=3600",
		1<<31 - 1:   "max-age=2147483647",
		NoStore:     "no-store",
		Unspecified: "",
	} {
		r := Response{MaxAge: age}
		if got := string(r.AppendCacheControl(nil)); got != want {
			t.Errorf("MaxAge %d: Cache-Control %q, want %q", age, got, want)
		}
	}
}

func TestReset(t *testing.T) {
	buffer := make([]byte, 8)
	r := Response{Status: 200, ContentType: "text/html", MaxAge: 5, Fields: []Field{{"allow", "GET"}}, Body: []byte("x")}
	r.Reset(buffer)
	if r.Status != 0 || r.ContentType != "" || r.MaxAge != Unspecified || r.Fields != nil || r.Body != nil || &r.Buffer[0] != &buffer[0] {
		t.Errorf("after Reset: %+v", r)
	}
}
