/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What our reader of certificates accepts, OpenSSL accepts too, and reads the same. */
#include "base/bytes.h"

enum x509_agreement { X509_BOTH, X509_OURS_REFUSES, X509_BOTH_REFUSE };

/* NULL when the two agree, `ret` then says on what; else what they differ in. */
const char *x509_disagree(struct bytes der, enum x509_agreement *ret);
