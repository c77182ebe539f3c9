/** Registers the console's elements, the parts before the whole; nothing else happens here. */

import { DeskAttach } from "./elements/desk-attach.js";
import { DeskCommands } from "./elements/desk-commands.js";
import { DeskComposer } from "./elements/desk-composer.js";
import { DeskConsole } from "./elements/desk-console.js";
import { DeskHelp } from "./elements/desk-help.js";
import { DeskLinks } from "./elements/desk-links.js";
import { DeskList } from "./elements/desk-list.js";
import { DeskOffer } from "./elements/desk-offer.js";
import { DeskPerson } from "./elements/desk-person.js";
import { DeskStatus } from "./elements/desk-status.js";
import { DeskTags } from "./elements/desk-tags.js";
import { DeskThread } from "./elements/desk-thread.js";

customElements.define("desk-attach", DeskAttach);
customElements.define("desk-commands", DeskCommands);
customElements.define("desk-composer", DeskComposer);
customElements.define("desk-help", DeskHelp);
customElements.define("desk-links", DeskLinks);
customElements.define("desk-list", DeskList);
customElements.define("desk-offer", DeskOffer);
customElements.define("desk-person", DeskPerson);
customElements.define("desk-status", DeskStatus);
customElements.define("desk-tags", DeskTags);
customElements.define("desk-thread", DeskThread);
customElements.define("desk-console", DeskConsole);
