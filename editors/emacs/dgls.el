;;; dgls.el --- Fill in code at point with dgls, through Eglot  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: Apache-2.0
;; Package-Requires: ((emacs "30.1"))
;; Keywords: convenience, languages

;;; Commentary:

;; dgls, the DiffusionGemma Language Server, fills in code at point.  This file registers it with
;; Eglot.  It needs `dgls' on the PATH; see docs/install.md in its repository.
;;
;;   (add-to-list 'load-path "/path/to/dgls/editors/emacs")
;;   (require 'dgls)
;;   (add-hook 'python-base-mode-hook #'eglot-ensure)
;;
;; A suggestion is shown after point, by `completion-preview-mode' of Emacs 30; TAB accepts it.
;; `dgls-suggest' asks for one, `dgls-fill' fills the gap at point or rewrites the region.

;;; Code:

(require 'eglot)
(require 'completion-preview)

(defgroup dgls nil
  "Fill in code at point with dgls."
  :group 'eglot)

(defcustom dgls-preview-delay 0.2
  "Seconds without a key before a suggestion is shown; nil for never."
  :type '(choice number (const :tag "Never" nil)))

(defconst dgls--patience 60
  "Seconds that Emacs waits for what was asked for by a command.
The model may take 20 seconds (`fill.explicit_deadline_ms'), `dgls-why' asks
twice, and Eglot gives up after 10.")

(defvar dgls-code-action "refactor.rewrite.dgls"
  "The kind of dgls's code actions.")

(defclass dgls-server (eglot-lsp-server)
  ((status :initform nil :accessor dgls-server-status
           :documentation "The newest `dgls/status', a property list."))
  :documentation "A running dgls.")

;;;###autoload
(add-to-list 'eglot-server-programs
             '((python-mode python-ts-mode) . (dgls-server "dgls" "lsp")))

(defmacro dgls--patiently (&rest body)
  "Run BODY; its requests may take `dgls--patience' seconds."
  `(let ((jsonrpc-default-request-timeout (max dgls--patience jsonrpc-default-request-timeout)))
     ,@body))

(defun dgls-suggest ()
  "Ask for suggestions at point, and insert the one that you choose."
  (interactive)
  (let* ((params (append (eglot--TextDocumentPositionParams) '(:context (:triggerKind 1))))
         (found (dgls--patiently
                 (eglot--request (dgls--server-or-lose) :textDocument/inlineCompletion params)))
         (texts (mapcar (lambda (item) (plist-get item :insertText)) found)))
    (pcase texts
      ('() (message "dgls suggests nothing here"))
      (`(,text) (insert text))
      (`(,best . ,_)
       (let ((prompt (format-prompt "dgls suggests" (car (split-string best "\n")))))
         (insert (completing-read prompt texts nil t nil nil best)))))))

(defun dgls-fill ()
  "Fill the gap at point; with an active region, rewrite it."
  (interactive)
  (dgls--server-or-lose)
  (dgls--patiently
   (if (use-region-p)
       (eglot-code-actions
        (region-beginning) (region-end) (concat dgls-code-action ".selection") t)
     (eglot-code-actions (point) (point) (concat dgls-code-action ".fill") t))))

(defun dgls-snooze (minutes)
  "Suggest nothing for MINUTES; 0 ends it."
  (interactive "nMinutes without suggestions: ")
  (eglot-execute (dgls--server-or-lose)
                 `(:command "dgls.snooze" :arguments [,minutes])))

(defun dgls-why ()
  "Say why dgls shows a suggestion at point or not."
  (interactive)
  (let ((params (eglot--TextDocumentPositionParams)))
    (message "dgls: asking the model twice ...")
    (dgls--patiently
     (eglot-execute (dgls--server-or-lose)
                    `(:command "dgls.why"
                      :arguments [,(plist-get (plist-get params :textDocument) :uri)
                                  ,(plist-get params :position)])))))

(defun dgls-mode-line ()
  "What the mode line says of dgls in the current buffer."
  (when-let* ((server (dgls--server))
              (status (dgls-server-status server)))
    (let ((text (pcase (or (plist-get status :doing) (plist-get status :state))
                  ("loading" (format " dgls %d%%%%" (or (plist-get status :percent) 0)))
                  ("ready" (if (plist-get status :quiet) " dgls quiet" " dgls"))
                  (state (concat " dgls " state)))))
      (propertize text 'help-echo (concat "dgls: " (plist-get status :line))))))

(defun dgls-status ()
  "Show the model and its speed, and why it is quiet, slow, off or failed."
  (interactive)
  (let ((line (plist-get (dgls-server-status (dgls--server-or-lose)) :line)))
    (message "dgls: %s" (or line "no status yet"))))

(defun dgls--server ()
  "The dgls of the current buffer, or nil."
  (let ((server (eglot-current-server)))
    (and (dgls-server-p server) server)))

(defun dgls--server-or-lose ()
  "The dgls of the current buffer; an error where there is none."
  (or (dgls--server) (user-error "dgls does not manage this buffer; start it with M-x eglot")))

(defun dgls--set-up-buffer ()
  "Show suggestions and the status in a buffer that dgls has begun to manage."
  (when (and (eglot-managed-p) (dgls--server))
    (setq-local mode-line-misc-info
                (seq-uniq (append mode-line-misc-info '((:eval (dgls-mode-line))))))
    (when dgls-preview-delay
      (setq-local completion-preview-idle-delay dgls-preview-delay
                  completion-preview-minimum-symbol-length nil
                  completion-preview-commands
                  (append '(newline newline-and-indent indent-for-tab-command)
                          completion-preview-commands))
      (completion-preview-mode 1))))

(add-hook 'eglot-managed-mode-hook #'dgls--set-up-buffer)

(cl-defmethod eglot-client-capabilities ((_server dgls-server))
  "Also ask to be sent dgls's status."
  (plist-put (cl-call-next-method) :experimental '(:dglsStatus t)))

(cl-defmethod eglot-handle-notification ((server dgls-server) (_method (eql dgls/status))
                                         &rest status)
  "Keep the STATUS of SERVER and show it."
  (setf (dgls-server-status server) status)
  (force-mode-line-update t))

(provide 'dgls)
;;; dgls.el ends here
