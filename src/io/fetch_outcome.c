/* SPDX-License-Identifier: Apache-2.0 */
#include "io/fetch_outcome.h"

const char *fetch_outcome_text(int outcome)
{
	switch (outcome) {
	case FETCH_E_UNREACHABLE:
		return "unreachable";
	case FETCH_E_TIMEOUT:
		return "no answer in time";
	case FETCH_E_CERTIFICATE:
		return "certificate not accepted";
	case FETCH_E_TLS:
		return "TLS failed";
	case FETCH_E_PROTOCOL:
		return "not a valid HTTP answer";
	case FETCH_E_TOO_LARGE:
		return "answer too large";
	case FETCH_E_REDIRECT:
		return "redirect refused";
	case FETCH_E_DENIED:
		return "not a configured origin, or a path that may not be asked there";
	}
	return "could not be asked";
}
