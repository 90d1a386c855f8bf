/** What the server takes. In a real application: what its operator has configured, known to the front end. */
const limits: { maxChars?: number } = await fetch('/demo/limits').then((answer) => (answer.ok ? answer.json() : {}), () => ({}));

/** The most characters of a text; by default that of every server. */
export const { maxChars = 4000 } = limits;
