package export

import (
	"strconv"
	"time"

	"github.com/lumos-governance/lumos/internal/policy"
)

// TestJUnit is how the tests of controls went, as JUnit XML: a suite for each control, a case for each
// test. A control that no test shows to pass, or none to find something, fails a case of its own. Now is
// when they ran.
func TestJUnit(r *policy.TestReport, now time.Time) ([]byte, error) {
	var out junitSuites
	for _, c := range r.Controls {
		name := c.Path
		if c.ID != "" {
			name = c.ID + " " + c.Title
		}
		s := newSuite(len(out.Suites), name, now)
		s.Package = "lumos.controls"
		class, total := orElse(c.ID, c.Path), 0.0
		for _, t := range c.Tests {
			total += t.Seconds
			tested := junitCase{Class: class, Name: t.Name, Time: seconds(t.Seconds)}
			at := place(t.Path, t.Line, t.Column)
			switch t.Outcome {
			case policy.TestPassed:
			case policy.TestFailed:
				tested.Failure = newResult("fail", t.Message, at+": "+t.Message)
			default: // an error, and whatever is not known: never a pass
				tested.Error = newResult("error", t.Message, at+": "+t.Message)
			}
			s.add(tested)
		}
		if c.ID != "" {
			shown := junitCase{Class: class, Name: "shown to pass and to find something"}
			if message := unshown(c); message != "" {
				shown.Failure = newResult("untested", message, place(c.Path, 1, 0)+": "+message)
			}
			s.add(shown)
		}
		s.Time = seconds(total)
		s.Properties.List = testProperties(r, c)
		out.Suites = append(out.Suites, s)
	}
	return out.bytes()
}

func testProperties(r *policy.TestReport, c policy.TestedControl) []junitProperty {
	out := []junitProperty{{"lumos.path", phrase(c.Path)}}
	for _, f := range r.Files {
		if f.Path == c.Path {
			out = append(out, junitProperty{"lumos.coverage", f.Coverage.String()})
		}
	}
	return append(out, junitProperty{"lumos.coverage.total", r.Coverage.String()})
}

// unshown says what the tests of a control do not show; "" when they show both.
func unshown(c policy.TestedControl) string {
	switch {
	case !c.Passing && !c.Failing:
		return "no test shows it to pass, and none to find something"
	case !c.Passing:
		return "no test shows it to pass"
	case !c.Failing:
		return "no test shows it to find something"
	}
	return ""
}

// seconds is a duration as JUnit writes it.
func seconds(s float64) string {
	if s <= 0 {
		return "0"
	}
	return strconv.FormatFloat(s, 'f', 3, 64)
}
