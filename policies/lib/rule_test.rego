package lumos.rule_test

import data.lumos.rule

now := {"now": "2026-09-01T12:00:00Z"}

file(sha) := {"evidence": {"a.json": {"sha256": sha}}}

test_lowered if {
	rule.lowered(["EU", "Text-To-Speech", "b c"]) == ["eu", "text-to-speech", "b c"]
	rule.lowered([""]) == [""]
	rule.lowered([]) == []
}

test_entry if {
	manifest := {"spec": {"evidence": [{"id": "a", "type": "scan"}, {"id": "b", "type": "scan"}, {"id": "c"}]}}
	rule.entry("a").type == "scan" with input.manifest as manifest
	not rule.entry("d") with input.manifest as manifest
	rule.of_type("scan") == {0, 1} with input.manifest as manifest
	rule.of_type("dpia") == set() with input.manifest as manifest
}

test_verified if {
	rule.verified({"uri": "a.json", "digest": "sha256:1"}) with input as file("sha256:1")
	not rule.verified({"uri": "a.json", "digest": "sha256:2"}) with input as file("sha256:1")
	not rule.verified({"uri": "b.json", "digest": "sha256:1"}) with input as file("sha256:1")
	not rule.verified({"uri": "a.json"}) with input as file("sha256:1")
	not rule.verified({"uri": "https://example.com/a.json", "digest": "sha256:1"}) with input as file("sha256:1")
}

test_sound if {
	here := object.union(now, file("sha256:1"))
	digest := "sha256:7a38bf81f383f69433ad6e900d35b3e2385593f76a7b7ab5d4355b8ba41ee24b"
	rule.sound({"uri": "a.json", "digest": "sha256:1"}) with input as here
	rule.sound({"uri": "a.json", "digest": "sha256:1", "expiresAt": "2026-09-01T12:00:01Z"}) with input as here
	not rule.sound({"uri": "a.json", "digest": "sha256:1", "expiresAt": "2026-09-01T12:00:00Z"}) with input as here
	rule.sound({"uri": "https://example.com/a", "digest": digest}) with input as here
	not rule.sound({"uri": "https://example.com/a", "digest": digest, "expiresAt": "2020-01-01T00:00:00Z"}) with input as here
	not rule.sound({"uri": "https://example.com/a"}) with input as here
	not rule.sound({"digest": digest}) with input as here
}

test_lacking if {
	here := {"evidence": {"a.json": {"sha256": "sha256:1"}, "b.json": {"error": "too large"}}}
	rule.lacking({"digest": "sha256:1"}) == "it does not say where it is (uri)" with input as here
	rule.lacking({"uri": "a.json"}) == "it has no digest" with input as here
	rule.lacking({"uri": "c.json", "digest": "sha256:1"}) == "there is no file c.json in this change" with input as here
	rule.lacking({"uri": "b.json", "digest": "sha256:1"}) == "b.json could not be read: too large" with input as here
	not rule.lacking({"uri": "a.json", "digest": "sha256:1"}) with input as here
	not rule.lacking({"uri": "oci://a", "digest": "sha256:1"}) with input as here
	startswith(rule.unverifiable({"uri": "oci://a", "digest": "sha256:1"}), "it lies outside") with input as here
	rule.unverifiable({"uri": "oci://a"}) == "it has no digest" with input as here
}

test_broken if {
	here := object.union(now, file("sha256:1"))
	not rule.broken({"uri": "a.json", "digest": "sha256:1"}) with input as here
	rule.broken({"uri": "a.json", "digest": "sha256:2"}) == "a.json has the digest sha256:1, the manifest states sha256:2" with input as here
	rule.broken({"uri": "a.json", "digest": "sha256:2", "expiresAt": "2020-01-01T00:00:00Z"}) == "a.json has the digest sha256:1, the manifest states sha256:2" with input as here
	rule.broken({"uri": "oci://a", "expiresAt": "2020-01-01T00:00:00Z"}) == "it expired on 2020-01-01T00:00:00Z" with input as here
}

test_findings_of_a_type if {
	here := {
		"now": "2026-09-01T12:00:00Z",
		"evidence": {"a.json": {"sha256": "sha256:1"}},
		"manifest": {"spec": {"evidence": [
			{"id": "a", "type": "scan", "uri": "a.json", "digest": "sha256:2"},
			{"id": "b", "type": "scan", "uri": "a.json"},
			{"id": "c", "type": "dpia", "uri": "a.json", "digest": "sha256:1"},
		]}},
	}
	rule.evidenced("dpia") with input as here
	not rule.evidenced("scan") with input as here
	rule.gaps("scan") == {{"message": "evidence \"b\": it has no digest", "pointer": "/spec/evidence/1"}} with input as here
	{f.pointer | some f in rule.faults("scan")} == {"/spec/evidence/0"} with input as here
	rule.gaps("dpia") == set() with input as here
	rule.faults("dpia") == set() with input as here
}

test_fresh if {
	rule.fresh("2026-09-01T12:00:00Z", 60) with input as now
	rule.fresh("2026-09-01T11:59:00Z", 60) with input as now
	not rule.fresh("2026-09-01T11:58:59Z", 60) with input as now
	not rule.fresh("2026-09-01T12:00:01Z", 60) with input as now
	rule.stale("2026-08-01T00:00:00Z", 864000) == "is 2026-08-01T00:00:00Z, which counted until 2026-08-11" with input as now
	rule.stale("2026-09-02T00:00:00Z", 60) == "is 2026-09-02T00:00:00Z, which has not come yet" with input as now
}

test_not_author if {
	manifest := {"metadata": {"authors": ["@Ana", "joe"]}}
	rule.not_author("@validation-team") with input.manifest as manifest
	rule.not_author("@acme/validation") with input.manifest as manifest
	not rule.not_author("@ana") with input.manifest as manifest
	not rule.not_author("@JOE") with input.manifest as manifest
	not rule.not_author("validation team") with input.manifest as manifest
	rule.not_independent("@ana") == "is \"@ana\", who is an author of this release" with input.manifest as manifest
	startswith(rule.not_independent("nobody"), "is \"nobody\", which is no account") with input.manifest as manifest
}

test_nanoseconds if {
	rule.nanoseconds("500ms") == 500000000
	rule.nanoseconds("2 h") == 7200000000000
	rule.nanoseconds("0.1h") == rule.nanoseconds("6min")
	rule.nanoseconds("P1Y") == rule.nanoseconds("P12M")
	rule.nanoseconds("P1Y2M3W4DT5H6M7S") == ((((((31536000 + (2 * 2628000)) + (3 * 604800)) + (4 * 86400)) + (5 * 3600)) + (6 * 60)) + 7) * 1000000000
	rule.nanoseconds("P0D") == 0
	every s in ["P", "PT", "P1YT", "1m", "", "P1.5Y", "-1s", "1s "] {
		not known(s)
	}
}

known(s) if is_number(rule.nanoseconds(s))

test_bytes if {
	rule.bytes("10GB") == 10000000000
	rule.bytes("1 KiB") == 1024
	rule.bytes("1KB") == rule.bytes("1kB")
}

test_billionths if {
	rule.billionths("1.5%") == 15000000
	rule.billionths("25 percent") == rule.billionths("0.25share")
}
