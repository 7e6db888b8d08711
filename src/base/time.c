/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3339 by calendar arithmetic: no time zone database, no locale, no clock. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Days since 1970-01-01 of a proleptic Gregorian date (years counted from March, so that the leap day comes last). */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
	int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static void date_from_days(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
	int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, of_era = z - era * 146097;
	int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;

	*day = of_year - (153 * m + 2) / 5 + 1;
	*month = m + (m < 10 ? 3 : -9);
	*year = y + era * 400 + (*month <= 2);
}

static int digits(const char **at, unsigned count, int64_t *ret)
{
	*ret = 0;
	for (unsigned i = 0; i < count; i++, (*at)++) {
		if (**at < '0' || **at > '9')
			return -EINVAL;
		*ret = *ret * 10 + (**at - '0');
	}
	return 0;
}

static int literal(const char **at, char c)
{
	if (**at != c)
		return -EINVAL;
	(*at)++;
	return 0;
}

static int zone(const char **at, int64_t *ret_offset)
{
	int64_t hours, minutes, sign = **at == '-' ? -1 : 1;

	*ret_offset = 0;
	if (**at == 'Z') {
		(*at)++;
		return 0;
	}
	if (**at != '+' && **at != '-')
		return -EINVAL;
	(*at)++;
	if (digits(at, 2, &hours) < 0 || literal(at, ':') < 0 || digits(at, 2, &minutes) < 0 || hours > 23 || minutes > 59)
		return -EINVAL;
	*ret_offset = sign * (hours * 3600 + minutes * 60);
	return 0;
}

int time_parse(const char *text, int64_t *ret_seconds)
{
	int64_t year, month, day, hour, minute, second, offset, back_year, back_month, back_day, days;

	if (digits(&text, 4, &year) < 0 || literal(&text, '-') < 0 || digits(&text, 2, &month) < 0 || literal(&text, '-') < 0 ||
		digits(&text, 2, &day) < 0 || literal(&text, 'T') < 0 || digits(&text, 2, &hour) < 0 || literal(&text, ':') < 0 ||
		digits(&text, 2, &minute) < 0 || literal(&text, ':') < 0 || digits(&text, 2, &second) < 0)
		return -EINVAL;
	if (zone(&text, &offset) < 0 || *text || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59)
		return -EINVAL;
	days = days_from_date(year, month, day);
	date_from_days(days, &back_year, &back_month, &back_day);
	if (back_month != month || back_day != day)
		return -EINVAL;
	*ret_seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset;
	return 0;
}

void time_format(char to[static 32], int64_t seconds)
{
	int64_t days = seconds / 86400, rest = seconds % 86400, year, month, day;

	if (rest < 0) {
		rest += 86400;
		days--;
	}
	date_from_days(days, &year, &month, &day);
	if (year < 0 || year > 9999) {
		(void)snprintf(to, 32, "out of range");
		return;
	}
	(void)snprintf(to, 32, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)year, (int)month, (int)day, (int)(rest / 3600), (int)(rest / 60 % 60),
		(int)(rest % 60));
}
