#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What part of each parser's lines the seeds reach. usage: covered.py SOURCE PERCENT COVERAGE_JSON     exits 1 when a parser is below PERCENT"""
import json
import os
import sys

# The sources that take outside bytes apart, or that decide on what they say. Not here: what only writes, and what judges whole chains (the vectors' tests do that).
PARSERS = """
    base/bytes.c base/config.c base/json.c base/json_scan.c base/text.c
    tpm/event_log.c tpm/hcl.c tpm/quote.c
    luks/header.c luks/check.c luks/check_digest.c luks/check_form.c luks/check_segment.c luks/check_slots.c luks/choose.c luks/disk.c luks/rebuild.c luks/unlisted.c
    measure/ovmf.c
    snp/cert.c snp/cert_key.c snp/certs.c snp/certtable.c snp/crl.c snp/der.c snp/kds.c snp/report.c snp/report_check.c snp/vek.c
    jose/jwe.c jose/jwk_import.c jose/jwk_numbers.c jose/jws.c
    evidence/evidence.c evidence/kbs_azure.c evidence/kbs_report.c evidence/kbs_snp.c
    appraise/policy.c appraise/policy_fields.c appraise/policy_place.c appraise/policy_snp.c appraise/policy_tpm.c
    kbs/client.c kbs/client_enrol.c kbs/enrolment.c kbs/messages.c kbs/resource.c kbs/server.c kbs/server_access.c kbs/server_attest.c
    kbs/server_enrol.c kbs/server_resource.c kbs/session.c kbs/ticket.c kbs/token.c
    io/evidence_frame.c io/fetch_frame.c io/frame.c io/http_frame.c io/luks_frame.c
    agent/peer_name.c luks-helper/table.c
    provider/sev_guest_abi.c
    enroll/crypttab.c enroll/fstab.c enroll/recovery_key.c enroll/state_text.c enroll/table.c
""".split()


def main():
    source, percent, report = sys.argv[1], float(sys.argv[2]), json.load(open(sys.argv[3]))
    root = os.path.join(os.path.realpath(source), "src")
    lines = {os.path.relpath(os.path.realpath(one["filename"]), root): one["summary"]["lines"] for one in report["data"][0]["files"]}
    low = 0
    for name in PARSERS:
        if name not in lines:
            print(f"coverage: {name} is in no fuzzer")
            low += 1
            continue
        reached = lines[name]["percent"]
        low += reached < percent
        print(f"coverage: {name} {lines[name]['covered']} of {lines[name]['count']} lines, {reached:.1f}%{'' if reached >= percent else ' TOO LOW'}")
    print(f"coverage: {len(PARSERS)} parsers, {low} below {percent:.0f}%")
    return 1 if low else 0


sys.exit(main())
