export const WORDS = {
  file_sending: "{name} wird gesendet …",
  file_save: "{name} herunterladen",
  file_picture: "Bild {name}",
  file_removed: "Datei entfernt",
  file_gone: "Diese Datei kann nicht geholt werden.",
  file_kind: "{name} wurde nicht gesendet: Diese Art von Datei wird hier nicht angenommen, oder sie ist nicht, was ihr Name sagt.",
  file_large: "{name} wurde nicht gesendet: Die Datei ist zu groß.",
  file_many: "{name} wurde nicht gesendet: Bitte warten Sie ein wenig.",
  file_off: "{name} wurde nicht gesendet: Dieser Chat nimmt keine Dateien an.",
  file_over: "{name} wurde nicht gesendet: Dieser Chat ist beendet.",
  file_cut: "{name} wurde nicht gesendet: Die Datei kam nicht ganz an. Bitte versuchen Sie es noch einmal.",
  file_failed: "{name} wurde nicht gesendet. Bitte versuchen Sie es noch einmal.",
};
