/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The style sheet of the status pages. Its hash is in the Content-Security-Policy header, so any change here changes that by itself. */
#define HTML_STYLE                                                                                                                         \
	":root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1b1f24;--soft:#57606a;--line:#d5dae0;--good:#146c34;"               \
	"--good-bg:#e3f5e8;--warn:#7a4b00;--warn-bg:#fdf1d3;--bad:#a11221;--bad-bg:#fde7e8;--link:#0a53b0}"                                \
	"@media(prefers-color-scheme:dark){:root{--bg:#12151a;--card:#1b2027;--ink:#e7ebf0;--soft:#a2acb8;--line:#343c47;"                 \
	"--good:#6fdc93;--good-bg:#12301d;--warn:#f2c45a;--warn-bg:#33280f;--bad:#ff8f97;--bad-bg:#3a1519;--link:#86b7ff}}"                \
	"*{box-sizing:border-box}"                                                                                                         \
	"body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}"                   \
	"body>*{max-width:68rem;margin:0 auto;padding:0 1rem}"                                                                             \
	"header{padding-top:1.5rem}"                                                                                                       \
	".banner{border-left:.4rem solid var(--soft);border-radius:.4rem;background:var(--card);padding:1rem 1.25rem}"                     \
	".banner h1{margin:0;font-size:1.6rem;line-height:1.25}.banner p{margin:.4rem 0 0}"                                                \
	".banner .name{margin:0 0 .2rem;color:var(--soft);font-size:.9rem}"                                                                \
	".good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}"                                                           \
	".banner.good{border-color:var(--good);background:var(--good-bg);color:var(--ink)}.banner.good h1{color:var(--good)}"              \
	".banner.warn{border-color:var(--warn);background:var(--warn-bg);color:var(--ink)}.banner.warn h1{color:var(--warn)}"              \
	".banner.bad{border-color:var(--bad);background:var(--bad-bg);color:var(--ink)}.banner.bad h1{color:var(--bad)}"                   \
	"section{background:var(--card);border:1px solid var(--line);border-radius:.4rem;margin:1rem 0;padding:1rem 1.25rem}"              \
	"h2{font-size:1.1rem;margin:0 0 .6rem}h3{font-size:1rem;margin:0}"                                                                 \
	"dl{display:grid;grid-template-columns:minmax(8rem,14rem) 1fr;gap:.3rem 1rem;margin:0}dt{color:var(--soft)}dd{margin:0}"           \
	"table{width:100%;border-collapse:collapse}th,td{text-align:left;vertical-align:top;padding:.45rem .9rem .45rem 0}"                \
	"th{color:var(--soft);font-weight:500;white-space:nowrap;border-bottom:1px solid var(--line)}tr+tr td{border-top:1px solid "       \
	"var(--line)}"                                                                                                                     \
	"time span,.while{white-space:nowrap}code{font:.88em/1.45 ui-monospace,monospace}"                                                 \
	".badge{display:inline-block;border:1px solid currentColor;border-radius:1rem;padding:0 "                                          \
	".6rem;font-size:.85rem;white-space:nowrap}"                                                                                       \
	".soft{color:var(--soft)}p{margin:0 0 .6rem}*+h3{margin-top:1rem}"                                                                 \
	"article{border-left:.25rem solid var(--bad);padding:.1rem 0 .1rem .9rem;margin:0 0 1rem}article:last-child{margin-bottom:0}"      \
	"article p{margin:.25rem 0}"                                                                                                       \
	"summary{cursor:pointer;color:var(--link)}details[open] summary{margin-bottom:.6rem}"                                              \
	"a{color:var(--link)}footer{padding:0 1rem 2rem;color:var(--soft);font-size:.9rem}"                                                \
	"@media(max-width:40rem){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}"                                               \
	"thead{display:none}"                                                                                                              \
	"table,tbody,tr{display:block}tr{padding:.5rem 0}tr+tr{border-top:1px solid var(--line)}tr+tr td{border:0}"                        \
	"td{display:grid;grid-template-columns:6rem 1fr;padding:.1rem 0}td:before{content:attr(data-name);color:var(--soft)}}"
