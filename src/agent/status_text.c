/* SPDX-License-Identifier: Apache-2.0 */
/* The words for states, and the one line of STATUS=. */
#include "agent/status_model.h"

#include <stdio.h>

#include "base/text.h"

const char *agent_state_text(enum agent_state state)
{
	static const char *const texts[AGENT_STATE_COUNT] = {
		[AGENT_STARTING] = "starting",
		[AGENT_ATTESTING] = "attesting",
		[AGENT_ATTESTED] = "attested",
		[AGENT_TROUBLE] = "temporary trouble",
		[AGENT_REFUSED] = "refused",
	};

	return (size_t)state < ARRAY_SIZE(texts) ? texts[state] : "unknown";
}

const char *agent_disk_state_text(enum agent_disk_state state)
{
	static const char *const texts[AGENT_DISK_STATE_COUNT] = {
		[AGENT_DISK_IDLE] = "not asked for",
		[AGENT_DISK_CHECKED] = "header good",
		[AGENT_DISK_GIVEN] = "key given",
		[AGENT_DISK_REFUSED] = "refused",
	};

	return (size_t)state < ARRAY_SIZE(texts) ? texts[state] : "unknown";
}

const char *agent_broker_outcome_text(enum agent_broker_outcome outcome)
{
	static const char *const texts[] = {
		[AGENT_BROKER_UNTRIED] = "not asked yet",
		[AGENT_BROKER_GOOD] = "good",
		[AGENT_BROKER_UNREACHABLE] = "unreachable",
		[AGENT_BROKER_REFUSED] = "refused",
		[AGENT_BROKER_UNTRUSTED] = "untrusted",
	};

	return (size_t)outcome < ARRAY_SIZE(texts) ? texts[outcome] : "unknown";
}

const char *agent_proof_text(enum agent_proof proof)
{
	static const char *const texts[] = {
		[AGENT_PROOF_UNKNOWN] = "What a report proves on this platform is not known.",
		[AGENT_PROOF_SYSTEM] =
			"A report from this platform proves the operating system, from firmware to kernel and its command line.",
		[AGENT_PROOF_FIRMWARE] = "A report from this platform proves the chip and the firmware only, not the operating system.",
	};

	return (size_t)proof < ARRAY_SIZE(texts) ? texts[proof] : texts[AGENT_PROOF_UNKNOWN];
}

bool agent_status_proven(const struct agent_status *status, int64_t now)
{
	return status->state == AGENT_ATTESTED && now < status->attested_until;
}

/* " until <time>" and the like; nothing for 0. */
static void put_time(char *to, size_t size, const char *before, int64_t seconds)
{
	char text[32];

	to[0] = '\0';
	if (seconds <= 0)
		return;
	time_format(text, seconds);
	(void)snprintf(to, size, "%s%s", before, text);
}

void agent_status_line(const struct agent_status *status, int64_t now, char to[static AGENT_STATUS_LINE_MAX])
{
	const char *state = agent_state_text(status->state);
	char when[64] = "";
	char reason[160] = "";
	const char *colon = "";

	if (status->state == AGENT_ATTESTED && !agent_status_proven(status, now))
		state = "attestation has expired";
	else if (status->state == AGENT_ATTESTED)
		put_time(when, sizeof(when), " until ", status->attested_until);
	else
		put_time(when, sizeof(when), ", next attempt ", status->next_attempt);
	if (status->state != AGENT_ATTESTED && status->reason) {
		text_printable(reason, sizeof(reason), bytes_of_text(status->reason));
		colon = ": ";
	}
	(void)snprintf(to, AGENT_STATUS_LINE_MAX, "%s%s%s%s", state, when, colon, reason);
}
