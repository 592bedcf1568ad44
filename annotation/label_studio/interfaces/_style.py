"""The look of all pages, in Label Studio's own colours, so that its dark theme works too.

No child selectors: Label Studio escapes `>` in styles. Its side panel, about regions, is hidden: no page has
any, and it takes a third of a laptop's width. The verdict stays in sight however long the page is.
"""

STYLE = """
.lsf-sidepanels { padding: 0 !important; }
.lsf-editor:has(.lsf-sidepanels) { width: 100% !important; margin: 0 !important; }
.lsf-main-content { scroll-padding: 80px 0; }
.lsf-sidepanels__wrapper { display: none; }

.wb { max-width: 1440px; padding-bottom: 16px; }
.wb h4 { font-size: 14px; font-weight: 600; line-height: 1.35; letter-spacing: 0; margin: 0 !important; }
.wb-page { display: flex; flex-wrap: wrap; gap: 16px 32px; align-items: flex-start; }
.wb-shown { flex: 1 1 320px; min-width: 0; position: sticky; top: 0; max-height: calc(100vh - 112px); overflow-y: auto; }
.wb-questions { flex: 1.4 1 400px; min-width: 0; display: flex; flex-direction: column; gap: 12px; }
.wb-gate { display: none; }
.wb-first { order: -1; }

.wb .lsf-richtext { overflow-wrap: anywhere; unicode-bidi: plaintext; max-height: 38vh; overflow-y: auto; }
.wb .lsf-richtext__container { padding: 0; margin: 0; }
.wb .lsf-richtext__line { unicode-bidi: plaintext; }
.wb-topic { margin-bottom: 6px; }
.wb-topic h2 { max-height: 5em; overflow-y: auto; font-size: 20px; font-weight: 650; line-height: 1.25; overflow-wrap: anywhere; unicode-bidi: plaintext; margin: 0 !important; }
.wb-topic::before { content: 'The picture should show'; font-size: 13px; color: var(--color-neutral-content-subtle); }
.wb-small .wb-shown img, .wb-small .wb-side img { image-rendering: pixelated; }
.wb-prompt { margin-bottom: 8px; padding-left: 10px; border-left: 3px solid var(--color-neutral-border); color: var(--color-neutral-content-subtle); }
.wb-hint { font-size: 13px; color: var(--color-neutral-content-subtle); }

.wb .lsf-choices { display: flex; flex-wrap: wrap; gap: 6px; margin: 6px 0 0; }
.wb .lsf-choice, .wb .lsf-choice__item { margin: 0; padding: 0; }
.wb .lsf-choice__checkbox { align-items: center; margin: 0; padding: 4px 10px; min-height: 34px; line-height: 20px; border: 1px solid var(--color-neutral-border); border-radius: 8px; background: var(--color-neutral-background); font-weight: 500; }
.wb .lsf-choice__checkbox:hover { border-color: var(--color-primary-border); }
.wb .lsf-choice__checkbox:has(input:checked) { border-color: var(--color-primary-surface); background: var(--color-primary-emphasis-subtle); }
.wb .lsf-choice__checkbox:focus-within { outline: 2px solid var(--color-primary-border); }
.wb .lsf-hint { margin-left: 4px; color: var(--color-neutral-content-subtle); font-size: 11px; font-weight: 400; }

.wb .wb-silent .lsf-hint { display: none; }
.wb .lsf-choice__checkbox span { line-height: 20px; }
.wb .lsf-choice__checkbox span + span { padding-top: 0; padding-bottom: 0; }
.wb .lsf-choice__checkbox .ant-radio, .wb .lsf-choice__checkbox .ant-checkbox { top: 0; margin: 0; align-self: center; }

.wb-verdict { position: sticky; top: 0; bottom: -8px; z-index: 2; display: flex; flex-wrap: wrap; align-items: center; gap: 4px 16px; padding: 8px 0; max-height: 52vh; overflow-y: auto; background: var(--color-neutral-background); }
.wb-verdict .lsf-choices { flex: 1 1 60%; margin: 0; }
.wb-missing ~ .wb-verdict { border-top: 1px solid var(--color-neutral-border); box-shadow: 0 -14px 14px -6px var(--color-neutral-background), 0 -16px 12px -14px rgba(0, 0, 0, 0.35); }
.wb-verdict .lsf-choice { flex: 1 1 130px; }
.wb-verdict .lsf-choice__checkbox { width: 100%; min-height: 42px; font-size: 15px; font-weight: 600; }
.wb-modes .lsf-choice { flex: 0 1 auto; }
.wb-modes .lsf-choice__checkbox { min-height: 34px; font-size: 14px; font-weight: 500; }
.wb-modes, .wb-verdict .wb-note { flex: 1 0 100%; }
.wb-modes { padding-top: 6px; }
.wb-modes .lsf-choices { margin-top: 6px; }
.wb-verdict .lsf-choice__checkbox:has(input[name^=Appr]:checked), .wb-verdict .lsf-choice__checkbox:has(input[name^=Right]:checked) { border-color: var(--color-positive-border-bold); background: var(--color-positive-background); }
.wb-verdict .lsf-choice__checkbox:has(input[name=Reject]:checked) { border-color: var(--color-negative-border); background: var(--color-negative-background); }

.wb-measured { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 12px 16px; padding-top: 12px; border-top: 1px solid var(--color-neutral-border); }
.wb-measured h4 { font-weight: 500; }
.wb-measured h4:first-child:not(.wb-criterion *) { grid-column: 1 / -1; color: var(--color-neutral-content-subtle); }

.wb-slot { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 6px 12px; padding-bottom: 10px; border-bottom: 1px solid var(--color-neutral-border); }
.wb-slot h4 { flex: 0 0 110px; padding-top: 7px; overflow-wrap: anywhere; color: var(--color-neutral-content-subtle); font-weight: 500; }
.wb-slot .wb-said { flex: 1 1 100px; padding-top: 6px; min-width: 0; font-weight: 600; }
.wb-slot .lsf-choices { flex: 0 1 auto; margin: 0; }
.wb-slot .wb-fix { flex: 1 0 100%; }
.wb-long .wb-said { flex-basis: 60%; }
.wb-said .lsf-richtext__line:empty::before { content: '(empty)'; color: var(--color-neutral-content-subtle); font-weight: 400; }
.wb-hint:not(:has(.lsf-richtext__line:not(:empty))), .wb [data-testid=textarea-counts] { display: none; }

.wb-photos .lsf-richtext { max-height: none; }
.wb-photos .lsf-richtext__container { display: flex; flex-wrap: wrap; gap: 8px; }
.wb-photos img { flex: 1 1 150px; min-width: 0; max-width: 100%; max-height: 30vh; object-fit: contain; border-radius: 8px; background: var(--color-neutral-surface); }
.wb-photos img:first-child { flex-basis: 100%; max-height: 52vh; }
.wb-row img, .wb-row img:first-child { flex: 0 1 auto; max-height: 26vh; }

.wb-sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); gap: 16px; margin: 16px 0; align-items: stretch; }
.wb-side { padding: 12px 16px; border: 1px solid var(--color-neutral-border); border-radius: 12px; min-width: 0; }
.wb-side .lsf-richtext, .wb-card .lsf-richtext { max-height: none; }
.wb-side .lsf-richtext__line:first-child, .wb-card .lsf-richtext__line:first-child { font-weight: 600; }
.wb-fix { display: flex; flex-direction: column; gap: 10px; }
.wb-note { margin-top: 4px; }

.wb .ant-form-item { margin-bottom: 0; }
.wb .ant-form-item-control-input-content:has(input) { display: flex; flex-direction: row; gap: 8px; align-items: center; }
.wb .ant-form-item-control-input-content input { flex: 1 1 auto; min-width: 0; }
.wb .ant-form-item-control-input-content input + [data-testid=textarea-submit-section] { width: auto; margin: 0; }
.wb [data-testid=textarea-submit-section] .ant-form-item { margin: 0 !important; }
.wb [data-testid=textarea-submit-section] { justify-content: flex-end; }
.wb [data-testid=textarea-regions] { margin-bottom: 0 !important; }
.wb textarea, .wb input[type=text] { font-size: 15px; unicode-bidi: plaintext; }
@media (min-width: 701px) {
  .wb-long .lsf-choices { margin-left: 130px; }
}
@media (max-width: 700px) {
  .lsf-bottombar__group:first-child { display: none; }
  .lsf-bottombar__group { flex: 1 1 auto; justify-content: flex-end; }
  .wb-shown { position: static; max-height: none; }
  .wb-verdict .lsf-choices { flex-basis: 100%; }
  .wb .lsf-hint { display: none; }
  .wb .lsf-choice__checkbox { padding: 4px 8px; }
  .wb-prompt .lsf-richtext { max-height: 20vh; }
  .wb-photos .lsf-richtext__container { flex-wrap: nowrap; overflow-x: auto; }
  .wb-photos img, .wb-photos img:first-child { flex: 0 0 auto; max-width: 85%; max-height: 40vh; }
}
"""
