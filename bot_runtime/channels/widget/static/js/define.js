import { ChatComposer } from "./elements/chat-composer.js";
import { ChatHeader } from "./elements/chat-header.js";
import { ChatPage } from "./elements/chat-page.js";
import { ChatThread } from "./elements/chat-thread.js";
import { FrontdeskWidget } from "./elements/frontdesk-widget.js";

customElements.define("chat-composer", ChatComposer);
customElements.define("chat-header", ChatHeader);
customElements.define("chat-page", ChatPage);
customElements.define("chat-thread", ChatThread);
customElements.define("frontdesk-widget", FrontdeskWidget);
