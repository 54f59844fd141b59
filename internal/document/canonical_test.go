package document

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/gowebpki/jcs"
	"pgregory.net/rapid"
)

func TestCanonical(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		v    any
		want string
	}{
		"scalars": {[]any{nil, true, false, int64(-7), "a"}, `[null,true,false,-7,"a"]`},
		"numbers": {[]any{1e21, 1e-7, 4.0, 0.1, math.Copysign(0, -1), 1e20}, `[1e+21,1e-7,4,0.1,0,100000000000000000000]`},
		"escapes": {"\"\\/\b\t\n\f\r\x00\x1f\x7f<&>\u2028é\U0001F600", `"\"\\/\b\t\n\f\r\u0000\u001f` + "\x7f<&>\u2028é\U0001F600" + `"`},
		"empty":   {map[string]any{"b": []any{}, "a": map[string]any{}}, `{"a":{},"b":[]}`},
		// RFC 8785 section 3.2.3: a surrogate stands before U+FB33.
		"order of keys": {map[string]any{"\u20ac": int64(1), "\r": int64(2), "\ufb33": int64(3), "1": int64(4), "\U0001F600": int64(5), "\u0080": int64(6), "\u00f6": int64(7)},
			`{"\r":2,"1":4,"` + "\u0080" + `":6,"ö":7,"€":1,"` + "\U0001F600" + `":5,"` + "\ufb33" + `":3}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Canonical(c.v)
			if err != nil || string(got) != c.want {
				t.Errorf("got %s, %v, want %s", got, err, c.want)
			}
		})
	}
	for _, v := range []any{math.NaN(), []any{math.Inf(1)}, map[string]any{"a": int64(1 << 60)}, 7, struct{}{}} {
		if got, err := Canonical(v); err == nil {
			t.Errorf("%v gave %s", v, got)
		}
	}
}

// Canonical agrees with the other way to the same form.
func TestCanonicalIsJCS(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.RuneFrom([]rune("a\u00ff\ue000\uffff\ufffd\U00010000\U0010ffff\"\\\x01")), 0, 4, -1))
	var value func(depth int) *rapid.Generator[any]
	value = func(depth int) *rapid.Generator[any] {
		kinds := []*rapid.Generator[any]{rapid.Just[any](nil), rapid.Bool().AsAny(), text.AsAny(),
			rapid.Int64Range(-maxInteger, maxInteger).AsAny(), rapid.Float64().AsAny()}
		if depth > 0 {
			inner := value(depth - 1)
			kinds = append(kinds, rapid.SliceOfN(inner, 0, 5).AsAny(), rapid.MapOfN(text, inner, 0, 5).AsAny())
		}
		return rapid.OneOf(kinds...)
	}
	rapid.Check(t, func(t *rapid.T) {
		v := value(3).Draw(t, "value")
		plain, err := json.Marshal(v)
		if err != nil {
			t.Skip(err)
		}
		want, err := jcs.Transform(plain)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Canonical(v); err != nil || string(got) != string(want) {
			t.Fatalf("got %s, %v, want %s", got, err, want)
		}
	})
}
