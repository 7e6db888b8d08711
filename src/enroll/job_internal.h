/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What job.c, job_steps.c and job_register.c share. */
#include "enroll/job.h"

/* The exit code for what prepare.h and volume.h return. */
int job_exit(int r);
void job_progress(const struct job *job, const char *step, const char *text);

/* job_register.c */
int job_register(struct job *job, struct error *error);
int job_confirm(struct job *job, struct error *error);
int job_register_both(struct job *job, struct error *error);
int job_confirm_both(struct job *job, struct error *error);
int job_register_next(struct job *job, struct error *error);
int job_confirm_next(struct job *job, struct error *error);
int job_register_last(struct job *job, struct error *error);
int job_confirm_last(struct job *job, struct error *error);
/* The file that an interrupted enrolment sealed is there. */
bool job_sealed(const struct job *job);
bool job_lists(const struct luks_disk *disk, const uint8_t *first, const uint8_t *second);
/* Does the key open the header? EXIT_YES; EXIT_EVIDENCE with a text. */
int job_opens(const struct job *job, const struct prepared *prepared, const struct secret *key, struct error *error);
