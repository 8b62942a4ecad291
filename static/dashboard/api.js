// Calls to this server's REST API with the session's cookie.

export class Refused extends Error {
  constructor(message, content) {
    super(message);
    this.content = content; // what the server said besides
  }
}

function cookie(name) {
  return document.cookie.split("; ").find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
}

export async function call(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": cookie("csrftoken") },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Refused("The server does not answer. Nothing was changed as far as this page knows.");
  }
  if (response.status === 401 || (response.status === 403 && !(await isSignedIn()))) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
  }
  const document_ = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(said(document_) ?? `The server answered ${response.status}.`, document_);
  return document_;
}

// What a form's field was refused for, with its name: "limit_price: A valid number is required."
function said({ detail, field, errors }) {
  return errors && field && detail ? `${field}: ${detail}` : detail;
}

async function isSignedIn() {
  const page = await fetch("/", { redirect: "manual" });
  return page.ok;
}
