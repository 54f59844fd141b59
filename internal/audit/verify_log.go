package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// maxSkew is how far a writer's clock may stand behind another's.
const maxSkew = 5 * time.Minute

// record is what the events at the tip say, as far as tags and the main branch are held against it.
type record struct {
	size  int64
	sound int64 // up to here the chain holds; size when all of it does
	at    map[int64]*moment
	idems map[string]int64

	decisions map[int64]*Event // by seq
	standing  map[int]*Event   // by pull request: its last decision
	approvals map[string][]approval
	merges    map[string]*Event // by merge commit
	tags      map[string]*Event // by tag name: the last tag.created
	pages     map[string]string // blob of each release page, by path
}

// moment is the log as it was at one length.
type moment struct {
	root string
	tree string // git's id of the folder log
}

// approval is a decision to approve one blob at one path, standing from one event to another.
type approval struct {
	from, until int64
}

const forever = math.MaxInt64

// readLog reads the events at the tip, line by line: their form, their chain and what they say. It
// keeps the root and the tree of every length that a commit or a tag speaks of.
func (v *verification) readLog() error {
	r := &v.log
	*r = record{
		at: map[int64]*moment{}, idems: map[string]int64{}, decisions: map[int64]*Event{}, standing: map[int]*Event{},
		approvals: map[string][]approval{}, merges: map[string]*Event{}, tags: map[string]*Event{}, pages: map[string]string{},
	}
	for i := range v.history {
		if v.history[i].claimed {
			r.at[v.history[i].claim.Size] = nil
		}
	}
	for _, t := range v.tags {
		if t.content != nil {
			r.at[t.content.Checkpoint.Size] = nil
		}
	}
	bundles, err := v.listBundles()
	if err != nil {
		return err
	}
	names := make([]string, len(bundles))
	for i, b := range bundles {
		names[i] = v.res.Tip + ":" + b
	}
	w := walker{v: v, r: r, sound: true}
	err = v.cat.each(names, func(i int, o object) error { return w.bundle(int64(i), o.data, i == len(names)-1) })
	if err != nil {
		return err
	}
	for size, m := range r.at { // lengths that the log does not have
		if m == nil {
			delete(r.at, size)
		}
	}
	r.size = w.cur.tree.size
	if w.sound {
		r.sound = r.size
	}
	v.res.Events, v.res.Root = r.size, w.cur.root()
	v.checkTip(r)
	return v.checkPages()
}

// checkTip holds the checkpoint at the tip against the log.
func (v *verification) checkTip(r *record) {
	tip := &v.history[len(v.history)-1]
	switch {
	case !tip.claimed: // said by readStep
	case tip.claim.Size > r.size:
		v.add(Violation{Code: TruncatedLog, Seq: at(r.size), Commit: tip.oid, File: bundlePath(r.size / BundleSize), Line: int(r.size%BundleSize) + 1,
			Message: fmt.Sprintf("the log ends here; the checkpoint counts %d events", tip.claim.Size)})
	case tip.claim.Size < r.size:
		v.add(Violation{Code: WrongCheckpoint, Seq: at(tip.claim.Size), Commit: tip.oid, File: "checkpoint",
			Message: fmt.Sprintf("it counts %d events, the log has %d", tip.claim.Size, r.size)})
	}
}

// listBundles lists the files of the log at the tip, in order. What does not belong there, or is
// missing in between, is a violation; what comes after a gap is not read.
func (v *verification) listBundles() ([]string, error) {
	files, err := v.listFiles("log")
	if err != nil {
		return nil, err
	}
	slices.SortFunc(files, func(a, b treeEntry) int { return strings.Compare(a.name, b.name) })
	n := int64(0)
	for _, e := range files {
		f := e.name
		if f == bundlePath(n) {
			n++
			continue
		}
		code, message := NotAppended, "does not belong in the log"
		if strings.HasPrefix(f, "log/x") && f > bundlePath(n) {
			code, message = DeletedEvent, "the file "+bundlePath(n)+" before it is missing"
		}
		v.add(Violation{Code: code, Seq: at(n * BundleSize), Commit: v.res.Tip, File: f, Message: message})
		break
	}
	out := make([]string, n)
	for i := range out {
		out[i] = bundlePath(int64(i))
	}
	return out, nil
}

// listFiles lists the files below a folder of the tip, with their whole paths; a thing that is no
// plain file appears with a trailing slash, so that it matches no name that is expected.
func (v *verification) listFiles(folder string) ([]treeEntry, error) {
	top, ok := v.history[len(v.history)-1].entries[folder]
	if !ok || top.mode != modeTree {
		return nil, nil
	}
	var files []treeEntry
	level := []treeEntry{{name: folder, oid: top.oid}}
	for depth := 0; len(level) > 0; depth++ {
		if depth > 8 {
			return nil, cannot("%s is nested deeper than 8", folder)
		}
		names := make([]string, len(level))
		for i, e := range level {
			names[i] = e.oid
		}
		var below []treeEntry
		err := v.cat.each(names, func(i int, o object) error {
			entries, err := parseTree(o.data, v.clone.oidSize)
			if err != nil || o.typ != "tree" {
				return cannot("%s in %s: tree missing or broken", level[i].name, short(v.res.Tip))
			}
			for _, e := range entries {
				e.name = level[i].name + "/" + e.name
				switch e.mode {
				case modeTree:
					below = append(below, e)
				case modeFile:
					files = append(files, e)
				default:
					e.name += "/"
					files = append(files, e)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		level = below
	}
	return files, nil
}

// walker goes through the bundles of the log in order.
type walker struct {
	v     *verification
	r     *record
	cur   cursor
	sound bool
	last  time.Time
	prev  []byte   // the line before
	done  []string // blobs of the full bundles
}

func (w *walker) bundle(n int64, data []byte, isLast bool) error {
	file := bundlePath(n)
	if len(data) > 0 && data[len(data)-1] != '\n' {
		w.violation(NotCanonical, n*BundleSize+int64(bytes.Count(data, []byte{'\n'})), "the line does not end in a newline")
		data = append(data, '\n')
	}
	lines, err := splitLines(data)
	if err != nil {
		return cannot("%s: %w", file, err)
	}
	if len(lines) != BundleSize && !isLast || len(lines) > BundleSize {
		w.violation(DeletedEvent, n*BundleSize+int64(len(lines)), fmt.Sprintf("%s has %d lines, expected %d", file, len(lines), BundleSize))
	}
	if n == 0 {
		w.cur.head = w.v.res.Genesis
	}
	var end int // of the lines so far, in data
	for i, line := range lines {
		end += len(line) + 1
		if err := w.line(lines, i); err != nil {
			return err
		}
		if m, ok := w.r.at[w.cur.tree.size]; ok && m == nil {
			tree, err := w.tree(data[:end])
			if err != nil {
				return err
			}
			w.r.at[w.cur.tree.size] = &moment{root: w.cur.root(), tree: tree}
		}
	}
	w.done = append(w.done, objectID(w.v.clone.oidSize, "blob", data))
	return nil
}

// violation reports what is wrong with an event. Only the first one is told: what comes after a
// broken link is broken by it.
func (w *walker) violation(code Code, seq int64, message string) {
	if !w.sound {
		return
	}
	w.sound, w.r.sound = false, seq
	w.v.add(Violation{Code: code, Seq: at(seq), Commit: w.v.res.Tip, File: bundlePath(seq / BundleSize), Line: int(seq%BundleSize) + 1, Message: message})
}

func (w *walker) line(lines [][]byte, i int) error {
	line, pos := lines[i], w.cur.tree.size
	e, err := ParseLine(line)
	if errors.Is(err, ErrSchema) {
		return cannot("%s:%d: %w", bundlePath(pos/BundleSize), i+1, err)
	}
	if err != nil {
		w.violation(NotCanonical, pos, err.Error())
	} else {
		if w.sound && (e.Seq != pos || e.Prev != w.cur.head) {
			w.violation(w.diagnose(e, lines, i))
		}
		w.project(e)
	}
	w.cur.take(line)
	w.prev = line
	return nil
}

// diagnose tells from its neighbours what happened to the chain at a line.
func (w *walker) diagnose(e *Event, lines [][]byte, i int) (Code, int64, string) {
	pos := w.cur.tree.size
	switch {
	case pos == 0 && e.Seq == 0:
		return WrongGenesis, 0, "the first event does not name this genesis.json"
	case e.Seq > pos:
		for _, later := range lines[i+1:] {
			if seqOf(later) == pos {
				return ReorderedEvents, pos, fmt.Sprintf("event %d stands in its place", e.Seq)
			}
		}
		return DeletedEvent, pos, fmt.Sprintf("it is missing: event %d follows", e.Seq)
	case e.Seq < pos && bytes.Equal(lines[i], w.prev):
		return RepeatedEvent, pos, fmt.Sprintf("event %d stands here a second time", e.Seq)
	case e.Seq < pos:
		return InsertedEvent, pos - 1, fmt.Sprintf("after it comes another event %d", e.Seq)
	}
	if i+1 < len(lines) && prevOf(lines[i+1]) != digest(lines[i]) {
		return EditedEvent, pos, "it names another event before it, and the next one another one in its place"
	}
	return EditedEvent, pos - 1, fmt.Sprintf("it is not the one that event %d names before it", pos)
}

func seqOf(line []byte) int64 {
	var e struct {
		Seq int64 `json:"seq"`
	}
	if json.Unmarshal(line, &e) != nil {
		return -1
	}
	return e.Seq
}

func prevOf(line []byte) string {
	var e struct {
		Prev string `json:"prev"`
	}
	if json.Unmarshal(line, &e) != nil {
		return ""
	}
	return e.Prev
}

// project takes in what an event says.
func (w *walker) project(e *Event) {
	r := w.r
	if seq, ok := r.idems[e.Idem]; ok {
		w.violation(RepeatedEvent, e.Seq, fmt.Sprintf("it has the idempotency key of event %d", seq))
	}
	r.idems[e.Idem] = e.Seq
	if e.TS.Before(w.last.Add(-maxSkew)) {
		w.violation(BackDated, e.Seq, fmt.Sprintf("its time %s is before that of an earlier event, %s", e.TS.Format(time.RFC3339), w.last.Format(time.RFC3339)))
	}
	if e.TS.After(w.last) {
		w.last = e.TS
	}
	switch e.Type {
	case DecisionRecorded, DecisionRevoked:
		r.decide(e)
	case MergeVerified, MergeViolation:
		if e.Merge != nil {
			r.merges[e.Merge.Commit] = e
		}
	case TagCreated:
		if e.Tag == nil {
			return
		}
		r.tags[e.Tag.Name] = e
		if d := r.standing[e.PR]; d != nil {
			if path, page := releasePage(e, d); path != "" {
				r.pages[path] = objectID(w.v.clone.oidSize, "blob", page)
			}
		}
	}
}

func (r *record) decide(e *Event) {
	if old := r.standing[e.PR]; old != nil && old.Subject != nil {
		for _, m := range old.Subject.Manifests {
			if approves(old, m.Path, m.Blob) && !approves(e, m.Path, m.Blob) {
				list := r.approvals[pathBlob(m.Path, m.Blob)]
				for i := range list {
					if list[i].from == old.Seq {
						list[i].until = e.Seq
					}
				}
			}
		}
	}
	r.standing[e.PR] = e
	if e.Type != DecisionRecorded || e.Decision != Approve || e.Subject == nil {
		return
	}
	r.decisions[e.Seq] = e
	for _, m := range e.Subject.Manifests {
		k := pathBlob(m.Path, m.Blob)
		r.approvals[k] = append(r.approvals[k], approval{from: e.Seq, until: forever})
	}
}

// tree is git's id of the folder log when its last bundle holds part.
func (w *walker) tree(part []byte) (string, error) {
	size := w.v.clone.oidSize
	blobs := append(slices.Clone(w.done), objectID(size, "blob", part))
	var folders []treeEntry
	for n := 0; n*1000 < len(blobs); n++ {
		var files []treeEntry
		for i, oid := range blobs[n*1000 : min((n+1)*1000, len(blobs))] {
			files = append(files, treeEntry{mode: modeFile, name: fmt.Sprintf("%03d.jsonl", i), oid: oid})
		}
		raw, err := encodeTree(files)
		if err != nil {
			return "", err
		}
		folders = append(folders, treeEntry{mode: modeTree, name: fmt.Sprintf("x%03d", n), oid: objectID(size, "tree", raw)})
	}
	raw, err := encodeTree(folders)
	return objectID(size, "tree", raw), err
}

// checkPages renders every release page again.
func (v *verification) checkPages() error {
	files, err := v.listFiles("releases")
	if err != nil {
		return err
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.oid // a name could hold a line break
	}
	missing := map[string]bool{}
	for p := range v.log.pages {
		missing[p] = true
	}
	err = v.cat.each(names, func(i int, o object) error {
		want, ok := v.log.pages[files[i].name]
		delete(missing, files[i].name)
		switch {
		case !ok:
			v.add(Violation{Code: NotAppended, Commit: v.res.Tip, File: files[i].name, Message: "no event of the log makes this page"})
		case want != objectID(v.clone.oidSize, "blob", o.data):
			v.add(Violation{Code: WrongPage, Commit: v.res.Tip, File: files[i].name, Message: "the page differs from what the events give"})
		}
		return nil
	})
	for p := range missing {
		v.add(Violation{Code: WrongPage, Commit: v.res.Tip, File: p, Message: "the page of a release is missing"})
	}
	return err
}

// explain finds out, for commits whose log is not a beginning of the log at the tip, which commit
// changed which line. The earliest one tells; the others follow from it.
func (v *verification) explain(diverged []int) error {
	if len(diverged) == 0 {
		return nil
	}
	k := diverged[0]
	then := v.history[k]
	for n := int64(0); n*BundleSize < then.claim.Size; n++ {
		file := bundlePath(n)
		got, err := v.cat.get(then.oid+":"+file, v.res.Tip+":"+file)
		if err != nil {
			return err
		}
		old := wholeLines(got[0].data)
		i := firstChange(old, wholeLines(got[1].data))
		if i == len(old) {
			continue
		}
		x, err := v.firstWithout(k, file, i, old[i])
		if err != nil {
			return err
		}
		x.Seq, x.File, x.Line = at(n*BundleSize+int64(i)), file, i+1
		// It explains what the chain alone could only show.
		v.res.Violations = slices.DeleteFunc(v.res.Violations, func(y Violation) bool {
			return y.Seq != nil && *y.Seq >= *x.Seq-1 && strings.HasPrefix(y.File, "log/")
		})
		v.res.Violations = slices.Insert(v.res.Violations, 0, x)
		return nil
	}
	v.add(Violation{Code: NotAppended, Commit: then.oid, File: "log", Message: "the folder holds something else than the events that the log has"})
	return nil
}

// firstWithout finds the first commit after k in which line i of file is not want, and says what it did.
func (v *verification) firstWithout(k int, file string, i int, want []byte) (x Violation, err error) {
	var names []string
	for _, s := range v.history[k:] {
		names = append(names, s.oid+":"+file)
	}
	var before [][]byte
	err = v.cat.each(names, func(j int, o object) error {
		if x.Commit != "" {
			return nil
		}
		lines := wholeLines(o.data)
		if j > 0 && (i >= len(lines) || !bytes.Equal(lines[i], want)) {
			var what string
			x.Code, what = classify(before, lines, i)
			x.Commit, x.Message = v.history[k+j].oid, fmt.Sprintf("%s by this commit; commit %s has it as it was written", what, short(v.history[k+j-1].oid))
		}
		before = lines
		return nil
	})
	return x, err
}

// wholeLines cuts a bundle at its newlines, leaving out what follows the last one.
func wholeLines(data []byte) [][]byte {
	lines := bytes.Split(data, []byte{'\n'})
	return lines[:len(lines)-1]
}

func firstChange(old, now [][]byte) int {
	i := 0
	for i < len(old) && i < len(now) && bytes.Equal(old[i], now[i]) {
		i++
	}
	return i
}

// classify names what was done to the lines of a bundle at the first one that differs.
func classify(old, now [][]byte, i int) (Code, string) {
	is := func(lines [][]byte, j int, line []byte) bool { return j < len(lines) && bytes.Equal(lines[j], line) }
	later := func(lines [][]byte, line []byte) bool {
		return slices.ContainsFunc(lines[min(i+1, len(lines)):], func(l []byte) bool { return bytes.Equal(l, line) })
	}
	switch {
	case i >= len(now):
		return TruncatedLog, "the log was cut here"
	case i+1 < len(old) && is(now, i, old[i+1]) && !later(now, old[i]):
		return DeletedEvent, "this event was deleted"
	case is(now, i+1, old[i]) && !later(old, now[i]):
		return InsertedEvent, "an event was inserted here"
	case later(now, old[i]) && later(old, now[i]):
		return ReorderedEvents, "events were reordered from here on"
	}
	return EditedEvent, "the event was edited"
}
