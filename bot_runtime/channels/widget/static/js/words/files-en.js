export const WORDS = {
  file_sending: "Sending {name} …",
  file_save: "Download {name}",
  file_picture: "Picture {name}",
  file_removed: "File removed",
  file_gone: "This file cannot be fetched.",
  file_kind: "{name} was not sent: this kind of file is not taken here, or it is not what its name says.",
  file_large: "{name} was not sent: it is too large.",
  file_many: "{name} was not sent: please wait a little.",
  file_off: "{name} was not sent: this chat takes no files.",
  file_over: "{name} was not sent: this chat is over.",
  file_cut: "{name} was not sent: it did not arrive whole. Please try again.",
  file_failed: "{name} was not sent. Please try again.",
};
